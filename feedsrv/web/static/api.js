// Starts Swagger UI over this server's own description. The validator's badge would ask a server elsewhere.
window.addEventListener("load", () => {
  window.SwaggerUIBundle({
    url: "openapi.json",
    dom_id: "#api",
    deepLinking: true,
    docExpansion: "none",
    validatorUrl: null,
    persistAuthorization: false,
    withCredentials: false,
    showMutatedRequest: false,
  });
});
