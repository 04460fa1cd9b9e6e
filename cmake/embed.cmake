# Writes OUTPUT, a C file with every file of FILES (paths relative to ROOT, sorted) as a resource.
# Run as: cmake -DROOT=... -DFILES=a;b -DOUTPUT=... -P embed.cmake
set(arrays "")
set(table "")
set(index 0)
foreach(path IN LISTS FILES)
  file(READ "${ROOT}/${path}" bytes HEX)
  string(LENGTH "${bytes}" digits)
  math(EXPR length "${digits} / 2")
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "static const char file_${index}[] = {${bytes}0};\n")
  string(APPEND table "    {\"${path}\", file_${index}, ${length}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE "${OUTPUT}" "// Generated from sql/ and lua/ by cmake/embed.cmake.
#include \"base/resource.h\"

extern const struct tq_resource tq_resources[];
extern const size_t tq_resource_count;

${arrays}
const struct tq_resource tq_resources[] = {
${table}};
const size_t tq_resource_count = ${index};
")
