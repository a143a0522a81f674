// GET /: where to look, for a person with a browser.
#include "base/strings.h"
#include "protocols/native/routes.h"

namespace caisson::native {
namespace {

constexpr std::string_view kStyle =
    "body{font:15px/1.6 system-ui,sans-serif;max-width:760px;margin:3rem auto;padding:0 1rem;"
    "color:#1c2430}h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;margin:1.6rem 0 .3rem}"
    "code{background:#f2f4f7;padding:.1rem .3rem;border-radius:4px}.quiet{color:#66707c}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .5rem;"
    "border-bottom:1px solid #e3e7ec}";

std::string Serving(const serving::EndpointStatus& endpoint) {
  std::vector<std::string> live;
  for (const serving::Deployment& deployment : endpoint.deployments) {
    if (deployment.traffic_percent > 0) {
      live.push_back(
          fmt::format("version {} with {} %", deployment.version, deployment.traffic_percent));
    }
  }
  return live.empty() ? "nothing yet" : Join(live, ", ");
}

Result<std::string> Endpoints(const Dependencies& parts, const Context& context) {
  CAISSON_ASSIGN(const auto endpoints, parts.endpoints.List(context));
  if (endpoints.empty()) {
    return std::string(
        "<p class=\"quiet\">None yet. <code>caisson init &amp;&amp; caisson run</code> makes "
        "one.</p>");
  }
  std::string html = "<table><tr><th>endpoint</th><th>serving</th><th></th></tr>";
  for (const serving::EndpointStatus& endpoint : endpoints) {
    const std::string name = PercentEncode(endpoint.spec.name);
    html += fmt::format(
        "<tr><td>{0}</td><td>{1}</td><td><a href=\"monitors/{2}\">monitor</a> &middot; "
        "<a href=\"api/v1/explain/endpoint/{2}?format=svg\">why this model</a> &middot; "
        "<a href=\"v2/models/{2}\">inputs</a></td></tr>",
        HtmlEscape(endpoint.spec.name), HtmlEscape(Serving(endpoint)), name);
  }
  return html + "</table>";
}

http::Response StartPage(const Dependencies& parts, const http::Request& request) {
  const Result<std::string> endpoints = Endpoints(parts, request.context);
  if (!endpoints.ok()) return http::ErrorResponse(endpoints.status());
  const std::string url = "http://" + HtmlEscape(request.headers.Get("Host"));
  return http::Response::Html(
      200,
      fmt::format(
          "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Caisson</title>"
          "<style>{0}</style></head><body><h1>Caisson</h1><h2>Endpoints</h2>{1}"
          "<h2>Your tools</h2><p>MLflow: <code>export MLFLOW_TRACKING_URI={2}</code><br>"
          "Open Inference Protocol, tritonclient: <code>{2}/v2</code><br>"
          "Prometheus: <a href=\"metrics\">metrics</a></p>"
          "<h2>Look closer</h2><p><a href=\"api/v1/jobs\">jobs</a> &middot; "
          "<a href=\"api/v1/model-versions\">model versions</a> &middot; "
          "<a href=\"api/v1/runs\">runs</a> &middot; <a href=\"api/v1/datasets\">datasets</a> "
          "&middot; "
          "<a href=\"api/v1/events\">events</a> &middot; <a href=\"api/v1/audit\">audit log</a> "
          "&middot; "
          "<a href=\"readyz\">readiness</a> &middot; <a "
          "href=\"openapi.json\">API</a></p></body></html>",
          kStyle, *endpoints, url));
}

}  // namespace

std::vector<http::Route> StartPageRoutes(const Dependencies& parts) {
  http::Route route;
  route.method = http::Method::kGet;
  route.pattern = "/";
  route.summary = "A page that says where to look";
  route.tag = "native";
  route.handler = [parts](http::Request& request) { return StartPage(parts, request); };
  return {std::move(route)};
}

}  // namespace caisson::native
