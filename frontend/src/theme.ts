// Loaded before the page paints, so that a chosen theme never flashes. Without a choice the system decides.
export type ThemeChoice = "system" | "meridian" | "meridian-dark";

const key = "meridian-theme";

export function themeChosen(): ThemeChoice {
  const stored = localStorage.getItem(key);
  return stored === "meridian" || stored === "meridian-dark" ? stored : "system";
}

export function themeChoose(choice: ThemeChoice): void {
  if (choice === "system") localStorage.removeItem(key);
  else localStorage.setItem(key, choice);
  apply();
}

function apply(): void {
  const choice = themeChosen();
  if (choice === "system") document.documentElement.removeAttribute("data-theme");
  else document.documentElement.dataset.theme = choice;
  document.dispatchEvent(new CustomEvent("theme:changed"));
}

apply();
