declare module "@alpinejs/csp" {
  interface Alpine {
    data(name: string, factory: () => object): void;
    start(): void;
  }
  const alpine: Alpine;
  export default alpine;
}
