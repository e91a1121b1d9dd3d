// Answers each datagram on port 8080 with the argument. Run inside of a pod's network namespace.
import { createSocket } from "node:dgram";

const socket = createSocket("udp4");
socket.on("message", (_message, from) => {
  socket.send(process.argv[2] ?? "", from.port, from.address);
});
socket.bind(8080, () => {
  process.stdout.write("ready\n");
});
