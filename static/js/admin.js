// The administration's parts under our Content-Security-Policy: Alpine's build without eval knows no
// globals, so what unfold's templates call by name is registered here. docs/adr/0007-admin-csp.md

document.addEventListener("alpine:init", () => {
  const SIDEBAR = "sidebarDesktopOpen";

  Alpine.data("adminPage", (firstTab) => ({
    activeTab: firstTab,
    sidebarMobileOpen: false,
    sidebarDesktopOpen: localStorage.getItem(SIDEBAR) !== "0",
    init() {
      this.activeTab = getCurrentTab() || firstTab;
      this.$watch(SIDEBAR, (isOpen) => localStorage.setItem(SIDEBAR, isOpen ? "1" : "0"));
    },
    formAction(tab) {
      const page = window.location.pathname + window.location.search;
      return tab && tab !== "general" ? `${page}#${tab}` : page;
    },
  }));

  for (const [name, part] of Object.entries({ theme, searchForm, searchDropdown, searchCommand })) {
    Alpine.data(name, part);
  }
});
