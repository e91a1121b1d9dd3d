/**
 * A text that means itself where `$(NAME)` stands for a variable of the container: commands,
 * arguments and environment. Upstream: `third_party/forked/golang/expansion`.
 */
export function literal(text: string): string {
  return text.replaceAll(/\$(?=[$(])/g, "$$$$");
}
