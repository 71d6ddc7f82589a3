#pragma once

namespace mtmsg::test {

/// Is this a build with a sanitizer? Its runtime has to be loaded first, so nothing else can be preloaded.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace mtmsg::test
