# SPDX-License-Identifier: MIT
# All headers in two units that are linked together, every one alone, and the rooms for nvcc as CUDA.
set(generated "${CMAKE_CURRENT_BINARY_DIR}/headers")
set(include_root "${PROJECT_SOURCE_DIR}/include")

# lamina_include_lines(<variable> header...): the #include lines of these headers.
function(lamina_include_lines variable)
    set(lines "")
    foreach(header IN LISTS ARGN)
        cmake_path(RELATIVE_PATH header BASE_DIRECTORY "${include_root}" OUTPUT_VARIABLE name)
        string(APPEND lines "#include <${name}>\n")
    endforeach()
    set(${variable} "${lines}" PARENT_SCOPE)
endfunction()

# Names that some system header makes a macro of. The libraries that we include come first: they are not ours to test.
lamina_include_lines(all_headers ${lamina_headers})
set(libraries "")
foreach(header IN LISTS lamina_headers)
    file(STRINGS "${header}" lines REGEX "^#include <")
    list(FILTER lines EXCLUDE REGEX "<lamina/")
    list(TRANSFORM lines REPLACE "^#include (<[^>]+>).*$" "#if __has_include(\\1)\n#include \\1\n#endif")
    list(APPEND libraries ${lines})
endforeach()
list(REMOVE_DUPLICATES libraries)
list(JOIN libraries "\n" libraries)
set(traps "#define I \"a macro of <complex.h>\"\n")
string(APPEND traps "#define B0 \"a macro of <termios.h>\"\n")
string(APPEND traps "#define small \"a macro of <rpcndr.h>\"\n")
file(CONFIGURE OUTPUT "${generated}/first.cpp" CONTENT "${libraries}\n${traps}${all_headers}int main() {}\n" @ONLY)
file(CONFIGURE OUTPUT "${generated}/second.cpp" CONTENT "${all_headers}" @ONLY)
add_executable(lamina_headers_linked_twice "${generated}/first.cpp" "${generated}/second.cpp")
target_link_libraries(lamina_headers_linked_twice PRIVATE lamina_dev)
target_compile_options(lamina_headers_linked_twice PRIVATE -O0 -g0)
lamina_add_check("headers: two units with every header link and run" headers lamina_headers_linked_twice)
lamina_room(headers lamina_headers_linked_twice)

if(LAMINA_TEST_CHECKS)
    # What a translation unit of nvcc may reach, in one unit, because nvcc takes its time for each.
    set(device_headers ${lamina_cuda_headers} ${lamina_headers})
    list(FILTER device_headers INCLUDE REGEX "/include/lamina/(cuda\\.hpp$|(core|arch|backend|nn|removal|train|io|recipe)/)")
    list(FILTER device_headers EXCLUDE REGEX "/include/lamina/backend/cpu/")
    lamina_include_lines(lines ${device_headers})
    file(CONFIGURE OUTPUT "${generated}/device.cu" CONTENT "${lines}" @ONLY)
    set(check "headers: the rooms for nvcc compile as CUDA")
    if(LAMINA_NVCC)
        lamina_add_check("${check}" headers "${LAMINA_NVCC}" -std=c++20 --Werror all-warnings "-I${include_root}"
                         -gencode arch=compute_90a,code=sm_90a -c "${generated}/device.cu" -o "${generated}/device.o")
        set_tests_properties("${check}" PROPERTIES COST 100)
    else()
        lamina_add_check("${check}" headers "${CMAKE_COMMAND}" -E echo "${lamina_skip_expression}${check}: nvcc was not found")
    endif()
endif()

# What a header forgets to include does not depend on the compiler, so that the quickest is enough.
if(NOT LAMINA_TEST_SUITES)
    return()
endif()

# lamina_reach(header): sets lamina_reach_<header>, the names of all headers that it includes, directly or not.
function(lamina_reach header)
    get_property(known GLOBAL PROPERTY "lamina_reach_${header}" SET)
    if(known)
        return()
    endif()
    set_property(GLOBAL PROPERTY "lamina_reach_${header}" "")
    file(STRINGS "${include_root}/${header}" lines REGEX "^#include <")
    set(reach "")
    foreach(line IN LISTS lines)
        string(REGEX REPLACE "^#include <([^>]+)>.*$" "\\1" name "${line}")
        list(APPEND reach "${name}")
        if(EXISTS "${include_root}/${name}")
            lamina_reach("${name}")
            get_property(further GLOBAL PROPERTY "lamina_reach_${name}")
            list(APPEND reach ${further})
        endif()
    endforeach()
    list(REMOVE_DUPLICATES reach)
    set_property(GLOBAL PROPERTY "lamina_reach_${header}" "${reach}")
endfunction()

# A header alone takes the compiler a second, most of it for what others include, too. What a header reaches anyway may be
# parsed before it, once for many, without hiding anything that it forgot: whatever it reaches is looked at alone as well,
# with no more than it reaches itself. Each header goes with the first group whose names it reaches; the last is empty.
# Writing a precompiled header takes seconds, so that a group pays from some ten headers on.
set(groups lamina/nn/transformer.hpp
           "nlohmann/json.hpp,filesystem,lamina/core/error.hpp"
           "lamina/backend/contract.hpp,algorithm,vector"
           "lamina/core/error.hpp,algorithm,vector,span"
           "algorithm,string,vector"
           "lamina/core/error.hpp"
           string
           "")
add_custom_target(lamina_headers COMMENT "Every header, alone and linked twice")
add_dependencies(lamina_headers lamina_headers_linked_twice)
foreach(header IN LISTS lamina_headers)
    cmake_path(RELATIVE_PATH header BASE_DIRECTORY "${include_root}" OUTPUT_VARIABLE name)
    file(CONFIGURE OUTPUT "${generated}/alone/${name}.cpp" CONTENT "#include <${name}>\n" @ONLY)
    lamina_reach("${name}")
    get_property(reach GLOBAL PROPERTY "lamina_reach_${name}")
    foreach(group IN LISTS groups)
        string(REPLACE "," ";" missing "${group}")
        list(REMOVE_ITEM missing ${reach} "")
        if(NOT missing)
            string(MAKE_C_IDENTIFIER "lamina_headers_alone_${group}" target)
            list(APPEND ${target} "${generated}/alone/${name}.cpp")
            break()
        endif()
    endforeach()
endforeach()
foreach(group IN LISTS groups)
    string(MAKE_C_IDENTIFIER "lamina_headers_alone_${group}" target)
    if(${target})
        add_library(${target} OBJECT ${${target}})
        target_link_libraries(${target} PRIVATE lamina_dev)
        target_compile_options(${target} PRIVATE -O0 -g0)
        string(REGEX REPLACE "[^,]+" "<\\0>" precompiled "${group}")
        string(REPLACE "," ";" precompiled "${precompiled}")
        if(precompiled)
            target_precompile_headers(${target} PRIVATE ${precompiled})
        endif()
        add_dependencies(lamina_headers ${target})
    endif()
endforeach()

lamina_room(headers lamina_headers)
