/** Error statuses that SNMP does not have: the library takes them for success, or for a word that it has lost. */
import type { Session } from "net-snmp";

interface Answered {
  responseCb(error: Error): void;
}
type Judge = (request: Answered, message: { readonly pdu: { readonly errorStatus?: unknown } }) => void;

const lastStatus = 18;
const isKnown = (status: unknown): boolean =>
  Number.isInteger(status) && (status as number) >= 0 && (status as number) <= lastStatus;

/** The library's own error for a refused request, with the number that was sent. */
const refusal = (status: number): Error =>
  Object.assign(new Error(`it gave the error status ${status}, which SNMP does not have`), {
    name: "RequestFailedError",
    status,
  });

/** Has a session tell such answers as what they are: refusals. */
export const nameOddStatus = (session: Session): Session => {
  const judged = session as unknown as { onSimpleGetResponse: Judge };
  const judge = judged.onSimpleGetResponse;
  judged.onSimpleGetResponse = (request, message) => {
    const { errorStatus } = message.pdu;
    if (isKnown(errorStatus)) judge.call(session, request, message);
    else request.responseCb(refusal(Number(errorStatus)));
  };
  return session;
};
