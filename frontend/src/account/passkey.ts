// Passkeys: what the server asks for becomes the browser's question, and its answer goes back in a hidden field.
interface Options { publicKey: Record<string, any> }

export function passkeysStart(): void {
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest?.<HTMLButtonElement>("[data-passkey-go]");
    if (button?.form) void ask(button.form);
  });
}

async function ask(form: HTMLFormElement): Promise<void> {
  const failed = form.querySelector<HTMLElement>("[data-passkey-failed]");
  if (failed) failed.hidden = true;
  try {
    const { publicKey } = await optionsOf(form);
    const answer = form.dataset.passkey === "create" ? await create(form, publicKey) : await get(publicKey);
    form.querySelector<HTMLInputElement>("input[name=credential]")!.value = JSON.stringify(answer);
    form.submit();
  } catch {
    if (failed) failed.hidden = false;
  }
}

async function optionsOf(form: HTMLFormElement): Promise<Options> {
  if (form.dataset.passkey !== "login") {
    const data = JSON.parse(document.getElementById("passkey-options")?.textContent ?? "{}");
    return data.creation_options ?? data.request_options;
  }
  const answer = await fetch(form.action, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error("no options");
  return (await answer.json()).request_options;
}

async function create(form: HTMLFormElement, options: Record<string, any>): Promise<object> {
  const alone = form.querySelector<HTMLInputElement>("input[name=passwordless]")?.checked ?? true;
  const selection = { ...options.authenticatorSelection, residentKey: alone ? "required" : "discouraged", requireResidentKey: alone };
  if (alone) selection.userVerification = "required";
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: listed(options.excludeCredentials),
    authenticatorSelection: selection,
  } as unknown as PublicKeyCredentialCreationOptions;
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  const { attestationObject, clientDataJSON } = made.response as AuthenticatorAttestationResponse;
  return told(made, { attestationObject: text(attestationObject), clientDataJSON: text(clientDataJSON) });
}

async function get(options: Record<string, any>): Promise<object> {
  const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: listed(options.allowCredentials) };
  const given = (await navigator.credentials.get({ publicKey } as unknown as CredentialRequestOptions)) as PublicKeyCredential;
  const { authenticatorData, clientDataJSON, signature, userHandle } = given.response as AuthenticatorAssertionResponse;
  return told(given, {
    authenticatorData: text(authenticatorData),
    clientDataJSON: text(clientDataJSON),
    signature: text(signature),
    userHandle: userHandle ? text(userHandle) : null,
  });
}

function told(credential: PublicKeyCredential, response: object): object {
  const { id, type } = credential;
  return { id, rawId: text(credential.rawId), type, response, clientExtensionResults: credential.getClientExtensionResults() };
}

function listed(credentials: { id: string }[] | undefined): object[] | undefined {
  return credentials?.map((one) => ({ ...one, id: bytes(one.id) }));
}

function bytes(base64url: string): Uint8Array {
  return Uint8Array.from(atob(base64url.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
}

function text(buffer: ArrayBuffer): string {
  const letters = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
