# SPDX-License-Identifier: MIT
# What must hold in every project that uses lamina, however it got it.
if(TARGET lamina_dev OR TARGET lamina_tests_support)
    message(FATAL_ERROR "lamina's own programs and tests are part of a project that only uses the library")
endif()
get_target_property(target lamina::lamina ALIASED_TARGET)
if(NOT target)
    set(target lamina::lamina)
endif()
get_target_property(options ${target} INTERFACE_COMPILE_OPTIONS)
if(options)
    message(FATAL_ERROR "lamina::lamina hands compiler flags to its users: ${options}")
endif()
