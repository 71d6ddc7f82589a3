"use strict";

// Everything comes from the daemon: the document, the assets, and the answers of "Try it out".
SwaggerUIBundle({
  dom_id: "#docs",
  url: "openapi.json",
  deepLinking: true,
  tryItOutEnabled: false,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  // The default asks somebody else's server for a badge.
  validatorUrl: null,
  // Tokens stay in the page's memory.
  persistAuthorization: false,
});
