/** What a customer bought. */
export interface Order {
  readonly region: string;
  readonly amount: number;
}

export const regions = ["north", "south", "east"];
