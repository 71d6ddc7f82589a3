#include <algorithm>

#include "http/ascii.hpp"
#include "http/embedded_files.hpp"
#include "http/handlers.hpp"

namespace mtmsg::http {
namespace {

constexpr std::string_view kDocument = "openapi.json";
constexpr std::string_view kPage = "index.html";

/// The page runs our script and that of Swagger UI, and talks to this daemon: nothing else.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Is `wanted` true of one of the list's elements?
template <class Wanted>
bool any_of_list(std::string_view list, Wanted wanted) {
  while (!list.empty()) {
    const auto one = list.substr(0, list.find(','));
    if (wanted(trim(one))) return true;
    list.remove_prefix(std::min(list.size(), one.size() + 1));
  }
  return false;
}

/// RFC 9110, 12.5.3. Only what names gzip counts: nobody needs it who says "*".
bool takes_gzip(const Request& request) {
  return any_of_list(request.header("Accept-Encoding"), [](std::string_view one) {
    const auto weight = one.find(';');
    if (!iequals(trim(one.substr(0, weight)), "gzip")) return false;
    if (weight == std::string_view::npos) return true;
    const auto quality = trim(one.substr(weight + 1));
    return !quality.starts_with("q=") || quality.find_first_of("123456789") != std::string_view::npos;
  });
}

/// RFC 9110, 13.1.2: compared weakly, so each encoding's tag stands for the file.
bool has_it(const Request& request, const EmbeddedFile& file) {
  return any_of_list(request.header("If-None-Match"), [&](std::string_view one) {
    if (one == "*") return true;
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one.size() < 2 || one.front() != '"' || one.back() != '"') return false;
    one = one.substr(1, one.size() - 2);
    if (one.ends_with("-gzip")) one.remove_suffix(5);
    return one == file.tag;
  });
}

Response serve(const Request& request, const EmbeddedFile& file) {
  const bool packed = takes_gzip(request);
  Response response;
  response.headers = {{"Cache-Control", "no-cache"},
                      {"ETag", '"' + std::string(file.tag) + (packed ? "-gzip\"" : "\"")},
                      {"Vary", "Accept-Encoding"},
                      {"X-Content-Type-Options", "nosniff"}};
  if (file.name != kDocument) response.headers.emplace_back("Content-Security-Policy", kPolicy);
  if (has_it(request, file)) {
    response.status = 304;
    return response;
  }
  if (packed) response.headers.emplace_back("Content-Encoding", "gzip");
  response.content_type = file.content_type;
  response.body = packed ? file.gzip : file.plain;
  return response;
}

Answer serve(const Context& context, std::string_view name) {
  if (const auto* file = find_embedded_file(name)) return serve(context.request, *file);
  if (!find_embedded_file(kPage))
    return Problem(fail(ErrorCode::not_found,
                        "this daemon was built without its documentation page (MTMSG_DOCS=OFF); "
                        "the document itself is at /openapi.json"));
  return Problem(fail(ErrorCode::not_found, "there is nothing at this address"));
}

}  // namespace

const EmbeddedFile* find_embedded_file(std::string_view name) noexcept {
  const auto files = embedded_files();
  const auto found = std::ranges::find(files, name, &EmbeddedFile::name);
  return found == files.end() ? nullptr : &*found;
}

Answer show_openapi(Context& context) {
  return serve(context, kDocument);
}

Answer show_docs(Context& context) {
  return serve(context, kPage);
}

Answer show_docs_file(Context& context) {
  if (context.file == kDocument || context.file == kPage)
    return Problem(fail(ErrorCode::not_found, "there is nothing at this address"));
  return serve(context, context.file);
}

}  // namespace mtmsg::http
