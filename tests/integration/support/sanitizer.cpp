// libpqxx 6 loses the result (2 KB) of a statement whose connection broke: it throws while it wraps it. Not ours to
// mend, so the leak checker is told; everything else it finds counts.
#if defined(__SANITIZE_ADDRESS__)
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libpqxx-6\n";
}
#endif
