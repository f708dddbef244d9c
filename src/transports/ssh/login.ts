/** How a login goes: a key before a password, each offered once, nothing repeated. */
import type { AnyAuthMethod, AuthenticationType } from "ssh2";
import { SwitchyardError } from "../../errors.ts";
import type { SshLogin } from "../../model/endpoint.ts";
import { fill, type Rendered } from "../../model/template.ts";
import type { SecretBook } from "../secrets.ts";

/** A login with its secrets filled in. */
export interface Credentials {
  readonly username: string;
  readonly password: string | null;
  readonly privateKey: string | null;
  readonly passphrase: string | null;
}

export const credentialsOf = (login: SshLogin, secrets: SecretBook): Credentials => {
  const text = (rendered: Rendered): string => fill(rendered, (_, name) => secrets.valueOf(name));
  const optional = (rendered: Rendered | null): string | null => (rendered === null ? null : text(rendered));
  return {
    username: text(login.username),
    password: optional(login.password),
    privateKey: optional(login.privateKey),
    passphrase: optional(login.passphrase),
  };
};

type ParseKey = (key: string, passphrase?: string) => unknown;

/** @throws SwitchyardError `auth_failed` when the private key cannot be read; nothing is sent then. */
export const checkPrivateKey = ({ privateKey, passphrase }: Credentials, parse: ParseKey): void => {
  if (privateKey === null) return;
  const parsed = parse(privateKey, passphrase ?? undefined);
  const [first] = Array.isArray(parsed) ? (parsed as unknown[]) : [parsed];
  const isPrivate = (first as { isPrivateKey?: () => boolean } | undefined)?.isPrivateKey?.() === true;
  if (isPrivate) return;
  throw new SwitchyardError("auth_failed", {
    detail:
      "The instance's private key cannot be read: expected an unencrypted key in OpenSSH or PEM form, or one with its passphrase set.",
  });
};

export interface Method {
  readonly name: string;
  readonly asked: AuthenticationType;
  readonly attempt: AnyAuthMethod;
}

const keyboard = (username: string, password: string): AnyAuthMethod => {
  let isAnswered = false;
  return {
    type: "keyboard-interactive",
    username,
    prompt: (...[, , , prompts, finish]) => {
      // A second round of questions asks for something else than the password.
      const answers = isAnswered ? [] : prompts.map(({ echo }) => (echo === true ? username : password));
      isAnswered ||= prompts.length > 0;
      finish(answers);
    },
  };
};

const methodsOf = ({ username, password, privateKey, passphrase }: Credentials): readonly Method[] => {
  const key: Method[] =
    privateKey === null
      ? []
      : [
          {
            name: "with the private key",
            asked: "publickey",
            attempt: { type: "publickey", username, key: privateKey, ...(passphrase === null ? {} : { passphrase }) },
          },
        ];
  if (password === null) return key;
  const plain: Method = {
    name: "with the password",
    asked: "password",
    attempt: { type: "password", username, password },
  };
  const asked: Method = {
    name: "with the password",
    asked: "keyboard-interactive",
    attempt: keyboard(username, password),
  };
  return [...key, plain, asked];
};

export interface LoginPlan {
  /** The next method to try; false: none is left. `left` is null before the device said what it takes. */
  next(left: readonly AuthenticationType[] | null, isPartial: boolean): AnyAuthMethod | false;
  /** What was tried, for an error. */
  readonly tried: string;
}

/** Plans one login. A refused password is never tried by another method: devices lock accounts by their count. */
export const planLogin = (credentials: Credentials): LoginPlan => {
  let untried = [...methodsOf(credentials)];
  const names: string[] = [];
  return {
    next: (left, isPartial) => {
      if (left === null) return { type: "none", username: credentials.username };
      const wasPassword = names.at(-1) === "with the password" && !isPartial;
      const method = wasPassword ? undefined : untried.find(({ asked }) => left.includes(asked));
      if (method === undefined) return false;
      untried = untried.filter((other) => other !== method);
      names.push(method.name);
      return method.attempt;
    },
    get tried() {
      return names.length === 0
        ? "(it takes neither the password nor the key that is set)"
        : [...new Set(names)].join(" and ");
    },
  };
};
