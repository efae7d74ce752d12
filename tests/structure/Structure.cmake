# SPDX-License-Identifier: MIT
# Checks of the sources themselves: who includes whom, what mirrors what, layout, and what including lamina costs.
function(lamina_structure_check name script)
    lamina_add_check("structure: ${name}" structure "${Python3_EXECUTABLE}"
                     "${CMAKE_CURRENT_SOURCE_DIR}/structure/${script}" ${ARGN})
endfunction()

lamina_structure_check("each check can fail" self_test.py)
lamina_structure_check("includes go up the table of rooms" includes.py)
lamina_structure_check("every header has its test" mirror.py)
lamina_structure_check("house style" style.py)
lamina_structure_check("format" format.py)
lamina_structure_check("measures of the house" measures.py check)
lamina_structure_check("every C++ block of the pages is compiled" snippets.py)
lamina_structure_check("what comments and pages cite exists" citations.py)
lamina_structure_check("a config.json becomes a type" architecture.py "${CMAKE_COMMAND}")
lamina_structure_check("every transcript of the pages has its program" transcripts.py check)

set(compile "${CMAKE_CXX_COMPILER}" "${lamina_include_flags}")
set(cuda_include "")
if(LAMINA_CUDA_INCLUDE)
    set(cuda_include -isystem "${LAMINA_CUDA_INCLUDE}")
endif()
lamina_structure_check("cuda.hpp reaches neither Eigen nor range-v3" cuda_umbrella.py ${compile} ${cuda_include})
set(clang "")
if(LAMINA_CLANGXX)
    set(clang --clang "${LAMINA_CLANGXX}")
endif()
lamina_structure_check("compile-time budget" compile_budget.py check ${clang} ${compile})

set(check "hot kernels spill no register and issue what is written")
if(LAMINA_NVCC)
    lamina_structure_check("${check}" ptxas.py "${LAMINA_NVCC}" "${PROJECT_SOURCE_DIR}/include")
else()
    lamina_add_check("structure: ${check}" structure "${CMAKE_COMMAND}" -E echo
                     "${lamina_skip_expression}structure: ${check}: nvcc was not found")
endif()
