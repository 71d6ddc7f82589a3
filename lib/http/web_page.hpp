#pragma once

#include <string_view>

namespace mtmsg::http {

/// Could a web page of somebody else have made a browser on this machine send this? It could under a name of its own
/// that it has pointed at this machine (DNS rebinding: then `host`, the header Host, is a name), or across origins
/// (then `origin`, the header Origin, is not this host's). Matters where a caller is let in for the place he asks from.
/// `host` may have a port; addresses and "localhost" are this machine's own. Pure; any thread.
bool may_be_foreign_page(std::string_view host, std::string_view origin) noexcept;

}  // namespace mtmsg::http
