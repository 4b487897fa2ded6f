// The draft as it stands: what the editor has not saved yet is saved before it is tried.

const patience = 10_000;
let dirty = false;

export function draftStart(): void {
  document.addEventListener("agent:dirty", () => (dirty = true));
  document.addEventListener("agent:saved", () => (dirty = false));
}

/** True once the stored draft is what the form says; false when it could not be saved. */
export function draftSaved(): Promise<boolean> {
  if (!dirty) return Promise.resolve(true);
  return new Promise((resolve) => {
    const done = (saved: boolean) => {
      clearTimeout(timer);
      document.removeEventListener("agent:saved", heard);
      document.removeEventListener("agent:refused", refused);
      resolve(saved);
    };
    const heard = () => done(true);
    const refused = () => done(false);
    const timer = setTimeout(() => done(false), patience);
    document.addEventListener("agent:saved", heard);
    document.addEventListener("agent:refused", refused);
    document.dispatchEvent(new CustomEvent("agent:save"));
  });
}
