# Files built into the program: each becomes an array of bytes, declared in a header of the same name.
# embed_file(proxy/decide/catalog.json catalog_json) gives `extern const char catalog_json[]; extern const size_t
# catalog_json_len;` in "catalog_json.h".
set(EMBEDDED_DIR ${CMAKE_BINARY_DIR}/embedded)
file(MAKE_DIRECTORY ${EMBEDDED_DIR})
set(EMBEDDED_SOURCES)
include_directories(${EMBEDDED_DIR})

function(embed_file path name)
    set(source ${EMBEDDED_DIR}/${name}.c)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${path})
    file(READ ${CMAKE_SOURCE_DIR}/${path} hex HEX)
    string(LENGTH "${hex}" digits)
    math(EXPR length "${digits} / 2")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    file(CONFIGURE OUTPUT ${EMBEDDED_DIR}/${name}.h CONTENT
        "#ifndef EMBEDDED_@name@\n#define EMBEDDED_@name@\n#include <stddef.h>\nextern const unsigned char @name@[];\nextern const size_t @name@_len;\n#endif\n" @ONLY)
    file(CONFIGURE OUTPUT ${source} CONTENT
        "#include \"@name@.h\"\nconst unsigned char @name@[] = {@bytes@0};\nconst size_t @name@_len = @length@;\n" @ONLY)
    set(EMBEDDED_SOURCES ${EMBEDDED_SOURCES} ${source} PARENT_SCOPE)
endfunction()

file(GLOB embedded CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/proxy/decide/*.json
    ${CMAKE_SOURCE_DIR}/proxy/app/*.json ${CMAKE_SOURCE_DIR}/proxy/admin/page/*)
foreach(file ${embedded})
    file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR} ${file})
    get_filename_component(name ${path} NAME)
    string(REGEX REPLACE "[^a-z0-9]" "_" name "${name}")
    embed_file(${path} ${name})
endforeach()
