// daemon/openapi.yaml says what the code does: compared with the code's own tables, in both directions.

#include <algorithm>
#include <set>
#include <string>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/scopes.hpp"
#include "domain/dead_letter.hpp"
#include "domain/limits.hpp"
#include "http/embedded_files.hpp"
#include "http/problem.hpp"
#include "http/routes.hpp"
#include "tenants/explanation.hpp"
#include "wire/activity.hpp"
#include "wire/problem.hpp"

namespace mtmsg::http {
namespace {

namespace json = boost::json;
using Names = std::set<std::string>;

const json::object& document() {
  static const json::value parsed = json::parse(find_embedded_file("openapi.json")->plain);
  return parsed.as_object();
}

const json::object& component_kind(std::string_view kind) {
  return document().at("components").at(kind).as_object();
}
const json::object& component(std::string_view kind, std::string_view name) {
  return component_kind(kind).at(name).as_object();
}

/// A parameter, or what "$ref" points to: "#/components/parameters/NAME".
const json::object& resolve(const json::object& parameter) {
  const auto* reference = parameter.if_contains("$ref");
  if (!reference) return parameter;
  const std::string_view path = reference->as_string();
  return component("parameters", path.substr(path.rfind('/') + 1));
}

std::string text(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

/// One entry under `paths`.
struct Operation {
  std::string method;  ///< "GET"
  std::string path;
  const json::object* item;
  const json::object* own;

  std::string where() const { return "daemon/openapi.yaml, paths, " + path + ", " + method; }
  Names parameters(std::string_view in) const {
    Names found;
    for (const auto* holder : {item, own}) {
      const auto* list = holder->if_contains("parameters");
      if (!list) continue;
      for (const auto& each : list->as_array()) {
        const auto& parameter = resolve(each.as_object());
        if (text(parameter, "in") == in) found.insert(text(parameter, "name"));
      }
    }
    return found;
  }
};

std::vector<Operation> operations() {
  std::vector<Operation> found;
  for (const auto& path : document().at("paths").as_object()) {
    const auto& item = path.value().as_object();
    for (const auto& method : item) {
      if (method.key() == "parameters" || method.key().starts_with("x-")) continue;
      std::string name(method.key());
      std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
      found.push_back({name, std::string(path.key()), &item, &method.value().as_object()});
    }
  }
  return found;
}

const Route* route_of(const Operation& operation) {
  for (const auto& route : routes())
    if (route.method == operation.method && route.pattern == operation.path) return &route;
  return nullptr;
}

Names words(std::string_view list) {
  Names found;
  std::istringstream in{std::string(list)};
  for (std::string word; in >> word;) found.insert(word);
  return found;
}

/// "/tenants/{t}/messages/{id}" → t, id
Names captures(std::string_view pattern) {
  Names found;
  for (auto at = pattern.find('{'); at != std::string_view::npos; at = pattern.find('{', at + 1))
    found.emplace(pattern.substr(at + 1, pattern.find('}', at) - at - 1));
  return found;
}

std::string permission_name(auth::Permission permission) {
  return permission == auth::Permission::none ? "none" : std::string(auth::scope_name(permission));
}

std::string joined(const Names& names) {
  std::string all;
  for (const auto& name : names) all += (all.empty() ? "" : " ") + name;
  return all.empty() ? "(none)" : all;
}

Names enumerated(std::string_view schema) {
  Names found;
  for (const auto& each : component("schemas", schema).at("enum").as_array()) found.emplace(each.as_string());
  return found;
}

Names keys(const json::object& object) {
  Names found;
  for (const auto& each : object) found.emplace(each.key());
  return found;
}

TEST(OpenApi, KnowsEveryRoute) {
  Names known;
  for (const auto& operation : operations()) known.insert(operation.method + " " + operation.path);
  for (const auto& route : routes()) {
    EXPECT_TRUE(known.contains(std::string(route.method) + " " + std::string(route.pattern)))
        << route.method << " " << route.pattern << " of lib/http/routes.cpp is not in daemon/openapi.yaml.\n"
        << "Add it under `paths`, beside its neighbours: operationId, tags, `summary: " << route.help
        << "`, `x-permission: " << permission_name(route.permission) << "`, security, its query parameters ("
        << joined(words(route.parameters))
        << "), the body with an example, and every answer with a schema and an example.\n"
        << "tests/web/validate_exchanges compares the answers with what the tests saw.";
  }
}

TEST(OpenApi, KnowsNoRouteThatIsNotThere) {
  for (const auto& operation : operations())
    EXPECT_TRUE(route_of(operation)) << operation.where() << ": lib/http/routes.cpp has no such row";
}

TEST(OpenApi, HasTheParametersOfEachRoute) {
  for (const auto& operation : operations()) {
    const auto* route = route_of(operation);
    if (!route) continue;
    EXPECT_EQ(joined(operation.parameters("query")), joined(words(route->parameters)))
        << operation.where() << ": the parameters with `in: query` are not those of the row in lib/http/routes.cpp";
    EXPECT_EQ(joined(operation.parameters("path")), joined(captures(route->pattern)))
        << operation.where() << ": the parameters with `in: path` are not those of its address";
  }
}

TEST(OpenApi, HasThePermissionOfEachRoute) {
  for (const auto& operation : operations()) {
    const auto* route = route_of(operation);
    if (!route) continue;
    const auto name = permission_name(route->permission);
    EXPECT_EQ(text(*operation.own, "x-permission"), name)
        << operation.where() << ": `x-permission` is not what the row in lib/http/routes.cpp asks for";
    const json::value open = json::array();
    const json::value bearer = {{{"bearer", json::array{name}}}};
    EXPECT_EQ(operation.own->at("security"), name == "none" ? open : bearer)
        << operation.where() << ": `security` must be " << (name == "none" ? "[]" : "[{ bearer: [" + name + "] }]");
  }
}

TEST(OpenApi, HasTheSentenceOfEachRoute) {
  for (const auto& operation : operations()) {
    const auto* route = route_of(operation);
    if (!route) continue;
    EXPECT_EQ(text(*operation.own, "summary"), route->help) << operation.where();
    EXPECT_FALSE(text(*operation.own, "operationId").empty()) << operation.where();
  }
}

TEST(OpenApi, GivesEveryBodyAnExample) {
  const auto check = [](const json::object& holder, const std::string& where) {
    const auto* content = holder.if_contains("content");
    if (!content) return;
    for (const auto& each : content->as_object()) {
      if (each.key().starts_with("image/")) continue;
      const auto& body = each.value().as_object();
      EXPECT_TRUE(body.contains("example") || body.contains("examples")) << where << ", " << each.key();
      EXPECT_TRUE(body.contains("schema")) << where << ", " << each.key();
      EXPECT_EQ(each.key() == "application/x-ndjson", body.contains("x-line")) << where << ", " << each.key();
    }
  };
  for (const auto& operation : operations()) {
    if (const auto* request = operation.own->if_contains("requestBody"))
      check(request->as_object(), operation.where() + ", requestBody");
    for (const auto& answer : operation.own->at("responses").as_object())
      check(answer.value().as_object(), operation.where() + ", " + std::string(answer.key()));
  }
  for (const auto& answer : document().at("components").at("responses").as_object())
    check(answer.value().as_object(), "daemon/openapi.yaml, components, responses, " + std::string(answer.key()));
}

TEST(OpenApi, FillsNothingInThatIsNotNeeded) {
  const auto check = [](const json::object& parameter, const std::string& where) {
    if (const auto* required = parameter.if_contains("required"); required && required->as_bool()) return;
    EXPECT_FALSE(parameter.contains("example") || parameter.contains("examples"))
        << where << ", parameter " << text(parameter, "name")
        << ": \"Try it out\" would send its example; put it into the schema, as `examples: […]`";
  };
  for (const auto& operation : operations())
    for (const auto* holder : {operation.item, operation.own})
      if (const auto* list = holder->if_contains("parameters"))
        for (const auto& each : list->as_array()) check(resolve(each.as_object()), operation.where());
}

TEST(OpenApi, ListsTheCodesOfProblemsThatThereAre) {
  Names codes(kHttpCodes.begin(), kHttpCodes.end());
  for (int value = 0; value <= static_cast<int>(ErrorCode::internal); ++value)
    codes.emplace(error_code_name(static_cast<ErrorCode>(value)));
  EXPECT_EQ(enumerated("ProblemCode"), codes) << "daemon/openapi.yaml, components, schemas, ProblemCode: not the codes "
                                                 "of lib/core/result.hpp and of kHttpCodes "
                                                 "in lib/http/problem.hpp";
  const std::string_view introduction = document().at("info").at("description").as_string();
  for (const auto& code : codes)
    EXPECT_NE(introduction.find("| `" + code + "` |"), std::string_view::npos)
        << code << " is missing in the table of codes in info.description of daemon/openapi.yaml";
}

TEST(OpenApi, ListsReasonsStatesAndLimits) {
  Names reasons;
  for (const auto reason : kDeadReasons) reasons.emplace(to_string(reason));
  EXPECT_EQ(enumerated("DeadReason"), reasons);
  Names states;
  for (const auto state : {TenantState::creating, TenantState::active, TenantState::deleting})
    states.emplace(to_string(state));
  EXPECT_EQ(enumerated("TenantState"), states);
  Names findings, severities;
  for (const auto& row : tenants::cause_rows()) {
    findings.emplace(row.name);
    severities.emplace(to_string(row.severity));
  }
  EXPECT_EQ(enumerated("FindingCode"), findings);
  EXPECT_EQ(enumerated("FindingSeverity"), severities);
  Names sorts;
  for (const auto sort : wire::kActivitySorts) sorts.emplace(to_string(sort));
  EXPECT_EQ(enumerated("ActivitySort"), sorts);
  Names limits;
  for (const auto& row : limit_rows()) limits.emplace(row.name);
  for (const auto* schema : {"Limits", "LimitChanges", "EffectiveLimits"})
    EXPECT_EQ(keys(component("schemas", schema).at("properties").as_object()), limits) << schema;
}

TEST(OpenApi, HasNoComponentThatNobodyUses) {
  const std::string_view whole = find_embedded_file("openapi.json")->plain;
  for (const auto* kind : {"parameters", "headers", "responses", "schemas"})
    for (const auto& name : keys(component_kind(kind)))
      EXPECT_NE(whole.find("\"#/components/" + std::string(kind) + "/" + name + "\""), std::string_view::npos)
          << "daemon/openapi.yaml, components, " << kind << ", " << name;
}

TEST(OpenApi, CarriesTheVersionOfTheProject) {
  EXPECT_EQ(text(document().at("info").as_object(), "version").find_first_not_of("0123456789."), std::string::npos);
  EXPECT_NE(text(document().at("info").as_object(), "version"), "0");
  EXPECT_EQ(text(document(), "openapi"), "3.1.0");
}

}  // namespace
}  // namespace mtmsg::http
