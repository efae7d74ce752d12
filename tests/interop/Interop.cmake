# SPDX-License-Identifier: MIT
# Whether transformers, PEFT and llm.c's layout agree with what lamina reads and writes. Without a Python that has these
# packages the golden files of tests/golden/interop stand in, which the suite of io/ reads.
if(LAMINA_ORACLE_PYTHON AND LAMINA_TEST_MODELS)
    add_executable(model_files interop/model_files.cpp)
    target_link_libraries(model_files PRIVATE lamina_dev lamina_native)
    lamina_room(interop model_files)
    lamina_add_check("interop: others read what lamina writes, and the other way round" interop
                     "${LAMINA_ORACLE_PYTHON}" "${CMAKE_CURRENT_SOURCE_DIR}/interop/interop.py" check $<TARGET_FILE:model_files>)
    set_tests_properties("interop: others read what lamina writes, and the other way round"
                         PROPERTIES ENVIRONMENT HF_HUB_OFFLINE=1)
else()
    lamina_add_check("interop: others read what lamina writes, and the other way round" interop
                     "${CMAKE_COMMAND}" -E echo "${lamina_skip_expression}interop: LAMINA_ORACLE_PYTHON is not set")
endif()

# Configurations that people have, each with a program of its own.
file(GLOB configurations CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/interop/configurations/*.json")
foreach(configuration IN LISTS configurations)
    cmake_path(GET configuration STEM name)
    set(check "interop: transformers computes the same under the configuration of ${name}")
    if(LAMINA_ORACLE_PYTHON AND LAMINA_TEST_MODELS)
        string(MAKE_C_IDENTIFIER "configuration_${name}" program)
        lamina_add_architecture(NAME ${program}_model CONFIG "${configuration}")
        set(folder "${CMAKE_CURRENT_BINARY_DIR}/interop/${name}")
        file(CONFIGURE OUTPUT "${folder}/this_model.hpp" @ONLY
             CONTENT "#pragma once\n#include <${program}_model.hpp>\nusing ThisModel = ${program}_model;\n")
        add_executable(${program} interop/configurations.cpp)
        target_include_directories(${program} PRIVATE "${folder}")
        target_link_libraries(${program} PRIVATE lamina_dev lamina_native lamina_tests_cpu_kernels ${program}_model)
        lamina_room(interop ${program})
        lamina_add_check("${check}" interop "${LAMINA_ORACLE_PYTHON}"
                         "${CMAKE_CURRENT_SOURCE_DIR}/interop/configurations.py" "${configuration}" $<TARGET_FILE:${program}>)
        set_tests_properties("${check}" PROPERTIES ENVIRONMENT HF_HUB_OFFLINE=1 RUN_SERIAL TRUE)
    else()
        lamina_add_check("${check}" interop
                         "${CMAKE_COMMAND}" -E echo "${lamina_skip_expression}interop: LAMINA_ORACLE_PYTHON is not set")
    endif()
endforeach()
