# Writes OUT: every DIR/NNNN_name.up.sql with its .down.sql as one entry of a C++ table, in order of version.
file(GLOB ups ${DIR}/*.up.sql)
list(SORT ups)
set(rows "")
set(count 0)
foreach(up IN LISTS ups)
  get_filename_component(file ${up} NAME)
  if(NOT file MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)\\.up\\.sql$")
    message(FATAL_ERROR "migrations/${file}: the name must be NNNN_name.up.sql")
  endif()
  math(EXPR version "1${CMAKE_MATCH_1} - 10000")
  set(name ${CMAKE_MATCH_2})
  string(REPLACE ".up.sql" ".down.sql" down ${up})
  if(NOT EXISTS ${down})
    message(FATAL_ERROR "migrations/${file}: its .down.sql is missing")
  endif()
  file(READ ${up} up_text)
  file(READ ${down} down_text)
  string(APPEND rows "    {${version}, \"${name}\", R\"__SQL__(${up_text})__SQL__\", R\"__SQL__(${down_text})__SQL__\"},\n")
  math(EXPR count "${count} + 1")
endforeach()
file(WRITE ${OUT} "// Generated from migrations/ by embed_migrations.cmake.
#include \"store/migrations.hpp\"

namespace mtmsg::store {
namespace {
constexpr Migration kMigrations[] = {
${rows}};
}  // namespace

std::span<const Migration> embedded_migrations() noexcept { return kMigrations; }
}  // namespace mtmsg::store
")
