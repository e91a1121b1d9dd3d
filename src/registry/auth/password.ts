import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify<string, Buffer, number, ScryptCost, Buffer>(scrypt);

interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly maxmem: number;
}

/** 2^15 rounds of 8 KiB: 32 MiB and some 60 ms for each guess, as OWASP recommends for scrypt. */
const cost = { log2: 15, blocks: 8, parallel: 1 };
const saltBytes = 16;
const hashBytes = 32;
/** A line of a users file may not ask for more: it would take the machine's memory. */
const log2Max = 20;

const pattern = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** `$scrypt$ln=15,r=8,p=1$<salt>$<hash>`, with unpadded base64: as passlib writes it. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const { log2, blocks, parallel } = cost;
  const hash = await derive(password, salt, hashBytes, costOf(log2, blocks, parallel));
  return `$scrypt$ln=${log2},r=${blocks},p=${parallel}$${text(salt)}$${text(hash)}`;
}

/** Compares in constant time. False for a hash in another format. */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  const [, log2, blocks, parallel, salt = "", hash = ""] = pattern.exec(stored) ?? [];
  if (log2 === undefined || Number(log2) > log2Max) return false;
  const expected = Buffer.from(hash, "base64");
  const options = costOf(Number(log2), Number(blocks), Number(parallel));
  const found = await derive(password, Buffer.from(salt, "base64"), expected.length, options);
  return timingSafeEqual(found, expected);
}

export function isPasswordHash(text: string): boolean {
  return pattern.test(text);
}

function costOf(log2: number, blocks: number, parallel: number): ScryptCost {
  const N = 2 ** log2;
  return { N, r: blocks, p: parallel, maxmem: 2 * 128 * N * blocks };
}

function text(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("=", "");
}
