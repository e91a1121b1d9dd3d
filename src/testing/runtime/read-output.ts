export async function readText(input: AsyncIterable<Uint8Array>): Promise<string> {
  return (await readAll(input)).toString();
}

export async function readAll(input: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of input) chunks.push(chunk);
  return Buffer.concat(chunks);
}
