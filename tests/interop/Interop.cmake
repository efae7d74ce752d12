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
