# SPDX-License-Identifier: MIT
# tests/programs/*.py and *.sh drive the programs of examples/, which they find in $LAMINA_PROGRAMS, and the
# scripts of bench/ and its programs, in $LAMINA_BENCHMARKS.
if(LAMINA_BUILD_EXAMPLES)
    file(GLOB scripts CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/programs/*.py" "${CMAKE_CURRENT_SOURCE_DIR}/programs/*.sh")
    foreach(script IN LISTS scripts)
        cmake_path(GET script STEM name)
        if(script MATCHES "\\.py$")
            lamina_add_check("programs: ${name}" programs "${Python3_EXECUTABLE}" "${script}")
        else()
            lamina_add_check("programs: ${name}" programs bash "${script}")
        endif()
        set(environment "LAMINA_PROGRAMS=${PROJECT_BINARY_DIR}/examples" "LAMINA_BENCHMARKS=${PROJECT_BINARY_DIR}/bench"
            "LAMINA_ORACLE_PYTHON=${LAMINA_ORACLE_PYTHON}")
        set_tests_properties("programs: ${name}" PROPERTIES ENVIRONMENT "${environment}" TIMEOUT 900)
        if(name MATCHES "_gpt2$") # true shapes: gigabytes, and a step that all cores share
            set_tests_properties("programs: ${name}" PROPERTIES RUN_SERIAL TRUE)
        endif()
    endforeach()
endif()

foreach(folder IN ITEMS examples bench)
    if((folder STREQUAL "examples" AND LAMINA_BUILD_EXAMPLES) OR (folder STREQUAL "bench" AND LAMINA_BUILD_BENCHMARKS))
        get_property(programs DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}" PROPERTY BUILDSYSTEM_TARGETS)
        lamina_room(programs ${programs})
    endif()
endforeach()
