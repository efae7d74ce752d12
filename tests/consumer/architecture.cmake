# SPDX-License-Identifier: MIT
# own_model: a program for a model of one's own, wherever lamina came from.
function(consume_architecture source)
    set(folder "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/architecture")
    lamina_add_architecture(NAME outsiders_model CONFIG "${folder}/config.json")
    add_executable(own_model "${folder}/${source}")
    target_link_libraries(own_model PRIVATE lamina::lamina outsiders_model)
    target_compile_options(own_model PRIVATE -Wall -Wextra -Werror)
endfunction()
