// Before the first paint, so that no page flashes in the other theme. Without a choice the browser's own preference holds.
if (localStorage.theme) document.documentElement.dataset.theme = localStorage.theme;
