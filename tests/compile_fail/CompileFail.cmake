# SPDX-License-Identifier: MIT
# Each tests/compile_fail/<room>/<case>.cpp must be refused with its own sentence, by g++ and by clang++, and its twin
# accepted (harness.py).
set(harness "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_LIST_DIR}/harness.py")
file(GLOB cases CONFIGURE_DEPENDS RELATIVE "${CMAKE_CURRENT_LIST_DIR}" "${CMAKE_CURRENT_LIST_DIR}/*/*.cpp")
list(FILTER cases EXCLUDE REGEX "^harness/")

# What the cases include takes most of their time, so it is parsed once for each compiler.
# First what tells most errors, so that messages name no longer way to it than a program would.
set(lines "#include <lamina/nn/composition.hpp>")
foreach(case IN LISTS cases ITEMS use_model.hpp)
    file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/${case}" included REGEX "^#include <")
    list(APPEND lines ${included})
endforeach()
list(REMOVE_DUPLICATES lines)
# The one case about files parses more than all others together, which g++ would load for each of them.
list(FILTER lines EXCLUDE REGEX "<lamina/io/")
list(JOIN lines "\n" lines)

foreach(compiler IN ITEMS g++ clang++)
    string(REPLACE "++" "XX" variable "${compiler}")
    string(TOUPPER "LAMINA_${variable}" variable)
    if(NOT ${variable})
        lamina_add_check("compile_fail: every case under ${compiler}" compile_fail "${CMAKE_COMMAND}" -E echo
                         "${lamina_skip_expression}compile_fail under ${compiler}: it was not found")
        continue()
    endif()
    set(header "${CMAKE_CURRENT_BINARY_DIR}/compile_fail/${variable}.hpp")
    file(CONFIGURE OUTPUT "${header}" CONTENT "${lines}\n" @ONLY)
    # Without the kernels of the CPU, which no error is about and which would be most of what is precompiled.
    set(compile "${${variable}}" "${lamina_include_flags}" -DLAMINA_COMPILED_KERNELS=1)
    set(precompiled "compile_fail: what the cases include under ${compiler}")
    lamina_add_check("${precompiled}" compile_fail ${harness} --precompile "${header}" ${compile})
    set_tests_properties("${precompiled}" PROPERTIES FIXTURES_SETUP "${header}" COST 1000)
    lamina_add_check("compile_fail: the harness tells its own cases apart under ${compiler}" compile_fail
                     "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_LIST_DIR}/self_test.py" ${compile})
    list(APPEND compile -include "${header}")
    lamina_add_check("compile_fail: errors are as the pages show them under ${compiler}" compile_fail
                     "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_LIST_DIR}/shown.py" check ${compile})
    set_tests_properties("compile_fail: errors are as the pages show them under ${compiler}"
                         PROPERTIES FIXTURES_REQUIRED "${header}")
    # Half of the twins at a time, one half for each of two cores.
    set(half 0)
    foreach(case IN LISTS cases)
        list(APPEND half_${half} "${CMAKE_CURRENT_LIST_DIR}/${case}")
        math(EXPR half "1 - ${half}")
    endforeach()
    foreach(half IN ITEMS 0 1)
        lamina_add_check("compile_fail: the twins of the cases, half ${half}, under ${compiler}" compile_fail
                         ${harness} --twins ${half_${half}} -- ${compile})
        set_tests_properties("compile_fail: the twins of the cases, half ${half}, under ${compiler}"
                             PROPERTIES FIXTURES_REQUIRED "${header}" COST 500)
        unset(half_${half})
    endforeach()
    foreach(case IN LISTS cases)
        string(REGEX REPLACE "\\.cpp$" "" name "${case}")
        lamina_add_check("compile_fail: ${name} under ${compiler}" compile_fail
                         ${harness} "${CMAKE_CURRENT_LIST_DIR}/${case}" ${compile})
        set_tests_properties("compile_fail: ${name} under ${compiler}" PROPERTIES FIXTURES_REQUIRED "${header}")
    endforeach()
endforeach()
