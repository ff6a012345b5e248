// Where the app is. Links are ordinary links; a click on one of ours stays in
// the app, everything else is the browser's.
import { parse, type Route } from "./routes";

class Router {
  path = $state(location.pathname);
  readonly route: Route = $derived(parse(this.path));

  constructor() {
    addEventListener("popstate", () => (this.path = location.pathname));
    document.addEventListener("click", (event) => this.#click(event));
  }

  go(path: string): void {
    const [pathname = path] = path.split("#");
    if (path !== location.pathname + location.hash) history.pushState(null, "", path);
    this.path = pathname;
  }

  #click(event: MouseEvent): void {
    const link = (event.target as Element).closest?.("a");
    const modified = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button !== 0;
    if (event.defaultPrevented || modified || !link || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || !link.pathname.startsWith("/admin/")) return;
    if (link.pathname === location.pathname && link.hash) return;
    event.preventDefault();
    this.go(link.pathname + link.hash);
  }
}

export const router = new Router();
