# SPDX-License-Identifier: MIT
# Each tests/compile_fail/<room>/<case>.cpp must be refused with its own sentence, by g++ and by clang++ (harness.py).
set(harness "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_LIST_DIR}/harness.py")
file(GLOB cases CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_LIST_DIR}" "${CMAKE_CURRENT_LIST_DIR}/*/*.cpp")
list(FILTER cases EXCLUDE REGEX "^harness/")

foreach(compiler IN ITEMS g++ clang++)
    string(REPLACE "++" "XX" variable "${compiler}")
    string(TOUPPER "LAMINA_${variable}" variable)
    if(NOT ${variable})
        lamina_add_check("compile_fail: every case under ${compiler}" compile_fail "${CMAKE_COMMAND}" -E echo
                         "${lamina_skip_expression}compile_fail under ${compiler}: it was not found")
        continue()
    endif()
    set(compile "${${variable}}" "${lamina_include_flags}")
    lamina_add_check("compile_fail: the harness tells its own cases apart under ${compiler}" compile_fail
                     "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_LIST_DIR}/self_test.py" ${compile})
    foreach(case IN LISTS cases)
        string(REGEX REPLACE "\\.cpp$" "" name "${case}")
        lamina_add_check("compile_fail: ${name} under ${compiler}" compile_fail
                         ${harness} "${CMAKE_CURRENT_LIST_DIR}/${case}" ${compile})
    endforeach()
endforeach()
