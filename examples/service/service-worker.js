// Shows what Sojourn sends by Web Push, and opens where it leads. Register it with
// navigator.serviceWorker.register("/service-worker.js").

self.addEventListener("push", (event) => {
  const message = event.data.json();
  event.waitUntil(
    self.registration.showNotification(message.title ?? "", {
      body: message.body,
      image: message.image,
      tag: message.tag, // a newer message takes the place of one with the same tag
      data: { url: message.url, reference: message.reference },
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { url } = event.notification.data;
  if (url) {
    event.waitUntil(self.clients.openWindow(url));
  }
});
