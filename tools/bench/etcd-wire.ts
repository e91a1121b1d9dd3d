import { once } from "node:events";
import { connect, type Socket } from "node:net";

/*
 * The leanest etcd client that Node allows, so that etcd itself is what is measured: gRPC on a bare
 * socket. Headers are one constant block, answers are counted and not decoded. It keeps to the
 * server's flow control (RFC 9113 section 5.2), or the server would end the connection.
 */

const frame = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, window: 8 };
const flagEnd = 1;
const flagAck = 1;
const flagEndHeaders = 4;
const windowStart = 65_535;

export class EtcdWire implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #headers: Buffer;
  readonly #waiting = new Map<number, { answered: boolean; done: (ok: boolean) => void }>();
  #blocked: { readonly bytes: Buffer; readonly size: number }[] = [];
  #nextStream = 1;
  #window = windowStart;
  #received = 0;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket, authority: string) {
    this.#socket = socket;
    this.#headers = headerBlock("/etcdserverpb.KV/Put", authority);
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.#read(chunk);
    });
  }

  /** @param endpoint `http://127.0.0.1:2379` */
  static async open(endpoint: string): Promise<EtcdWire> {
    const { hostname, port, host } = new URL(endpoint);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    const wire = new EtcdWire(socket, host);
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
    socket.write(frameOf(frame.settings, 0, 0, Buffer.alloc(0)));
    return wire;
  }

  /** Resolves when etcd has answered, with whether it accepted. */
  put(key: string, value: Uint8Array): Promise<boolean> {
    const message = putRequest(Buffer.from(key), value);
    const stream = this.#nextStream;
    this.#nextStream += 2;
    const bytes = Buffer.concat([
      frameOf(frame.headers, flagEndHeaders, stream, this.#headers),
      frameOf(frame.data, flagEnd, stream, message),
    ]);
    return new Promise((resolve) => {
      this.#waiting.set(stream, { answered: false, done: resolve });
      this.#blocked.push({ bytes, size: message.length });
      this.#sendWhatFits();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#socket, "close");
    this.#socket.destroy();
    await closed;
  }

  #sendWhatFits(): void {
    let sent = 0;
    for (const { bytes, size } of this.#blocked) {
      if (size > this.#window) break;
      this.#window -= size;
      this.#socket.write(bytes);
      sent++;
    }
    if (sent > 0) this.#blocked = this.#blocked.slice(sent);
  }

  #read(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= 9) {
      const length = bytes.readUIntBE(0, 3);
      if (bytes.length < 9 + length) break;
      const stream = bytes.readUInt32BE(5) & 0x7fffffff;
      const [type = 0, flags = 0] = [bytes[3], bytes[4]];
      this.#take(type, flags, stream, bytes.subarray(9, 9 + length));
      bytes = bytes.subarray(9 + length);
    }
    this.#rest = bytes;
  }

  /** Opens the peer's window again once half of it is used. */
  #takeIn(bytes: number): void {
    this.#received += bytes;
    if (this.#received <= windowStart / 2) return;
    this.#socket.write(frameOf(frame.window, 0, 0, uint32(this.#received)));
    this.#received = 0;
  }

  #take(type: number, flags: number, stream: number, body: Buffer): void {
    const waiting = this.#waiting.get(stream);
    if (type === frame.data) {
      if (waiting !== undefined) waiting.answered = true;
      this.#takeIn(body.length);
    } else if (type === frame.headers && (flags & flagEnd) !== 0) {
      this.#waiting.delete(stream);
      waiting?.done(waiting.answered);
    } else if (type === frame.window && stream === 0) {
      this.#window += body.readUInt32BE(0);
      this.#sendWhatFits();
    } else if ((flags & flagAck) === 0 && (type === frame.ping || type === frame.settings)) {
      this.#socket.write(frameOf(type, flagAck, 0, type === frame.ping ? body : Buffer.alloc(0)));
    } else if (type === frame.reset || type === frame.goAway) {
      for (const it of this.#waiting.values()) it.done(false);
      this.#waiting.clear();
    }
  }
}

function frameOf(type: number, flags: number, stream: number, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(9 + body.length);
  bytes.writeUIntBE(body.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  body.copy(bytes, 9);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** HPACK (RFC 7541): literals without indexing and without Huffman coding. */
function headerBlock(path: string, authority: string): Buffer {
  function text(value: string): Buffer {
    return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, "latin1")]);
  }
  return Buffer.concat([
    Buffer.from([0x83, 0x86]), // :method POST, :scheme http
    Buffer.concat([Buffer.from([0x04]), text(path)]),
    Buffer.concat([Buffer.from([0x01]), text(authority)]),
    Buffer.concat([Buffer.from([0x0f, 0x10]), text("application/grpc")]),
    Buffer.concat([Buffer.from([0x00]), text("te"), text("trailers")]),
  ]);
}

/** `PutRequest{key = 1, value = 2}` with gRPC's five bytes before it. */
function putRequest(key: Buffer, value: Uint8Array): Buffer {
  const parts = [Buffer.from([0x0a]), varint(key.length), key];
  parts.push(Buffer.from([0x12]), varint(value.length), Buffer.from(value));
  const message = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([0]), uint32(message.length), message]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left > 127; left >>>= 7) bytes.push((left & 127) | 128);
  return Buffer.from([...bytes, left]);
}
