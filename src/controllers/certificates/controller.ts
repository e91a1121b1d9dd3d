import type { CertificateSigningRequest } from "#api/gen/types.ts";
import { isStatus } from "#api/status.ts";
import { formatTime } from "#api/time.ts";
import { describeError } from "#base/log.ts";
import { certificateSigningRequests, nodes, subjectAccessReviews } from "#client/kinds.ts";
import { nameOf, uidOf } from "#client/object-key.ts";
import type { ControllerPorts } from "#controllers/ports.ts";
import { ownKey, watches, type Controller } from "#reconcile/controller.ts";
import type { ReconcileResult } from "#reconcile/run.ts";
import {
  deletionTime,
  nodeNameOf,
  planSigning,
  type RequestContent,
  type SigningProfile,
} from "./plan.ts";

/** The cluster's authority, as far as this controller needs it. */
export interface Signing {
  /** @throws {Error} when the PEM request is malformed, or its sender does not hold the key. */
  readRequest(request: string): Promise<RequestContent>;
  /** PEM of the certificate. */
  signRequest(request: string, profile: SigningProfile): Promise<string>;
}

/** Approves what nodes ask for themselves, signs what is approved, and removes what is over. */
export function certificateController(ports: ControllerPorts, signing: Signing): Controller {
  const requests = ports.informers.of(certificateSigningRequests);
  const machines = ports.informers.of(nodes);
  const work = new Work(ports, signing);
  return {
    name: "certificatesigningrequest-controller",
    workers: 2,
    watches: [
      watches(requests, ownKey),
      // A node that appears, or changes its addresses, decides about what it asked for.
      watches(
        machines,
        (node) => {
          const user = `system:node:${nameOf(node)}`;
          return requests
            .list()
            .filter((it) => it.spec.username === user)
            .map(nameOf);
        },
        ({ previous, current }) =>
          JSON.stringify(previous?.status?.addresses) !==
          JSON.stringify(current?.status?.addresses),
      ),
    ],
    async reconcile(key, signal) {
      const request = requests.get(key);
      if (request === undefined) return {};
      const leftMs = deletionTime(request) - ports.clock.now();
      if (leftMs <= 0) return await work.remove(request, signal);
      const node = machines.get(nodeNameOf(request.spec.username ?? "") ?? "");
      await work.advance(request, node, signal);
      return { afterMs: leftMs };
    },
  };
}

class Work {
  readonly #ports: ControllerPorts;
  readonly #signing: Signing;

  constructor(ports: ControllerPorts, signing: Signing) {
    this.#ports = ports;
    this.#signing = signing;
  }

  async remove(request: CertificateSigningRequest, signal: AbortSignal): Promise<ReconcileResult> {
    const preconditions = { uid: uidOf(request) };
    const at = { name: nameOf(request) };
    try {
      await this.#ports.client.delete(certificateSigningRequests, at, { preconditions }, signal);
    } catch (error) {
      if (!isStatus(error, "NotFound") && !isStatus(error, "Conflict")) throw error;
    }
    return {};
  }

  async advance(
    request: CertificateSigningRequest,
    node: Parameters<typeof planSigning>[2],
    signal: AbortSignal,
  ): Promise<void> {
    const text = Buffer.from(request.spec.request, "base64").toString();
    let content: RequestContent;
    try {
      content = await this.#signing.readRequest(text);
    } catch (error) {
      // It will never read differently; whoever denies or deletes it decides.
      const why = { name: nameOf(request), why: describeError(error) };
      this.#ports.log.error("certificate request cannot be read", why);
      return;
    }
    const step = planSigning(request, content, node);
    switch (step.kind) {
      case "none":
        return;
      case "approve-if":
        if (!(await this.#mayCreate(request, step.subresource, signal))) return;
        await this.#approve(request, step.message, signal);
        return;
      case "approve":
        await this.#approve(request, step.message, signal);
        return;
      case "sign": {
        const certificate = await this.#signing.signRequest(text, step.profile);
        const status = {
          ...request.status,
          certificate: Buffer.from(certificate).toString("base64"),
        };
        await this.#write("status", { ...request, status }, signal);
        return;
      }
      case "fail": {
        const next = this.#withCondition(
          request,
          "Failed",
          "SignerValidationFailure",
          step.message,
        );
        await this.#write("status", next, signal);
      }
    }
  }

  async #mayCreate(
    { spec }: CertificateSigningRequest,
    subresource: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    const review = {
      spec: {
        user: spec.username,
        uid: spec.uid,
        groups: spec.groups,
        extra: spec.extra,
        resourceAttributes: {
          group: "certificates.k8s.io",
          resource: "certificatesigningrequests",
          verb: "create",
          version: "*",
          subresource,
        },
      },
    };
    const answer = await this.#ports.client.create(subjectAccessReviews, review, {}, signal);
    return answer.status?.allowed === true;
  }

  async #approve(
    request: CertificateSigningRequest,
    message: string,
    signal: AbortSignal,
  ): Promise<void> {
    const next = this.#withCondition(request, "Approved", "AutoApproved", message);
    await this.#write("approval", next, signal);
  }

  #withCondition(
    request: CertificateSigningRequest,
    type: string,
    reason: string,
    message: string,
  ): CertificateSigningRequest {
    const now = formatTime(this.#ports.clock.now());
    const condition = { type, status: "True", reason, message, lastUpdateTime: now };
    const conditions = [...(request.status?.conditions ?? []), condition];
    return { ...request, status: { ...request.status, conditions } };
  }

  /** Someone else may have been faster: the change that follows brings the request back. */
  async #write(
    subresource: "approval" | "status",
    next: CertificateSigningRequest,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await this.#ports.client.update(certificateSigningRequests, next, { subresource }, signal);
    } catch (error) {
      if (!isStatus(error, "NotFound") && !isStatus(error, "Conflict")) throw error;
    }
  }
}
