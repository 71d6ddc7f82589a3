#pragma once

#include "http/routes.hpp"

/// The functions of the route table (routes.cpp).
namespace mtmsg::http {

// tenant_handlers.cpp
Answer create_tenant(Context& context);
Answer list_tenants(Context& context);
Answer show_tenant(Context& context);
Answer change_tenant(Context& context);
Answer delete_tenant(Context& context);
Answer pause_tenant(Context& context);
Answer resume_tenant(Context& context);
Answer get_concurrency(Context& context);
Answer set_concurrency(Context& context);

// explain_handler.cpp
Answer explain_tenant(Context& context);

// orphan_handlers.cpp
Answer list_orphans(Context& context);
Answer delete_orphan(Context& context);

// message_handlers.cpp
Answer list_messages(Context& context);
Answer list_all_messages(Context& context);
Answer show_message(Context& context);
Answer erase_message(Context& context);

// publish_handler.cpp
Answer publish(Context& context);

// dead_letter_handlers.cpp
Answer list_dead_letters(Context& context);
Answer show_dead_letter(Context& context);
Answer delete_dead_letter(Context& context);
Answer purge_dead_letters(Context& context);

// replay_handlers.cpp
Answer replay_dead_letters(Context& context);
Answer replay_dead_letter(Context& context);

// audit_handlers.cpp
Answer list_audit(Context& context);

// operation_handlers.cpp
Answer show_migrations(Context& context);
Answer migrate(Context& context);
Answer show_status(Context& context);

// activity_handler.cpp
Answer show_activity(Context& context);

Answer show_health(Context& context);
Answer show_readiness(Context& context);
Answer show_metrics(Context& context);

// docs_handlers.cpp
Answer show_openapi(Context& context);
Answer show_docs(Context& context);
Answer show_docs_file(Context& context);

}  // namespace mtmsg::http
