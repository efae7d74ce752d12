# SPDX-License-Identifier: MIT
# The models that our programs are built for, and how a source becomes a part of a program for each of them.

set(LAMINA_MODELS "nano;gpt2;gpt2-medium;gpt2-large;gpt2-xl"
    CACHE STRING "Models that the programs are built for: names of examples/models, or config.json files of one's own")
set(LAMINA_REMOVAL_MODELS "" CACHE STRING "Further models that remove_layernorm alone is built for, with the first adapter")
set(LAMINA_ADAPTERS full CACHE STRING "Adapters that runs of each model are built for: full, a rank, or none (every parameter trains)")
set(LAMINA_TARGETS all CACHE STRING "Linear layers with adapters: all, or some of c_attn, attn.c_proj, c_fc and mlp.c_proj with commas")
set(LAMINA_PRECISION default CACHE STRING "What runs store: frozen-bf16, fp32, all-bf16, or default (README)")
option(LAMINA_CUDA_PROGRAMS "With the CUDA toolkit, the programs run on a GPU, too, which takes nvcc minutes" ON)

# lamina_open_model(variable entry): describes an entry of LAMINA_MODELS, once, as a folder with this_model.hpp, whose
# `ThisModel` is the descriptor; its name, as C++ has them.
function(lamina_open_model variable entry)
    if(EXISTS "${PROJECT_SOURCE_DIR}/examples/models/${entry}.json")
        string(REPLACE "-" "_" name "${entry}")
        set(file "${PROJECT_SOURCE_DIR}/examples/models/${entry}.json")
        lamina_describe_architecture("${name}" "${file}")
    elseif(entry MATCHES "\\.json$")
        cmake_path(ABSOLUTE_PATH entry BASE_DIRECTORY "${PROJECT_SOURCE_DIR}" NORMALIZE OUTPUT_VARIABLE file)
        lamina_describe_architecture(model "${file}")
        string(REGEX MATCH "\\.layers = ([0-9]+), [^}]*\\.embed = ([0-9]+)" sizes "${description}")
        set(name "gpt2_${CMAKE_MATCH_1}x${CMAKE_MATCH_2}")
        lamina_describe_architecture(${name} "${file}")
    else()
        file(GLOB known RELATIVE "${PROJECT_SOURCE_DIR}/examples/models" "${PROJECT_SOURCE_DIR}/examples/models/*.json")
        list(TRANSFORM known REPLACE "\\.json$" "")
        list(JOIN known ", " known)
        message(FATAL_ERROR "LAMINA_MODELS or LAMINA_REMOVAL_MODELS has \"${entry}\"; expected some of ${known}, or the path of a config.json")
    endif()
    get_property(before GLOBAL PROPERTY lamina_model_${name})
    if(before AND NOT before STREQUAL file)
        message(FATAL_ERROR "LAMINA_MODELS has ${before} and ${file}, which are alike in layers and width; build the programs twice")
    endif()
    set_property(GLOBAL PROPERTY lamina_model_${name} "${file}")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
    set(folder "${PROJECT_BINARY_DIR}/lamina_models/${name}")
    file(CONFIGURE OUTPUT "${folder}/${name}.hpp" CONTENT "${description}" @ONLY)
    file(CONFIGURE OUTPUT "${folder}/this_model.hpp" @ONLY
         CONTENT "#pragma once\n#include \"${name}.hpp\"\nusing ThisModel = ${name};\n")
    set(${variable} ${name} PARENT_SCOPE)
endfunction()

# lamina_open_adaptation(variable model adapter): the same for how runs adapt a model: this_adaptation.hpp, whose
# `ThisAdaptation` has the policies and their names.
function(lamina_open_adaptation variable model adapter)
    set(policy "lamina::adapter::FullRank")
    if(adapter STREQUAL "none")
        set(policy "lamina::adapter::None")
    elseif(adapter MATCHES "^[1-9][0-9]*$")
        set(policy "lamina::adapter::Lora<${adapter}>")
    elseif(NOT adapter STREQUAL "full")
        message(FATAL_ERROR "LAMINA_ADAPTERS has \"${adapter}\"; expected full, a rank, or none")
    endif()

    set(targets "${LAMINA_TARGETS}")
    set(target_policy "lamina::targets::All")
    if(adapter STREQUAL "none")
        set(targets all)
    endif()
    if(NOT targets STREQUAL "all")
        string(REPLACE "," ";" layers "${targets}")
        set(members "")
        foreach(layer IN LISTS layers)
            if(NOT layer MATCHES "^(c_attn|attn\\.c_proj|c_fc|mlp\\.c_proj)$")
                message(FATAL_ERROR "LAMINA_TARGETS has \"${layer}\"; expected all, or some of c_attn, attn.c_proj, c_fc and mlp.c_proj")
            endif()
            string(REPLACE "." "_" layer "${layer}")
            list(APPEND members "lamina::Target::${layer}")
        endforeach()
        list(JOIN members ", " members)
        set(target_policy "lamina::targets::Only<${members}>")
    endif()

    # In bf16 weights that never train take half the memory, which small models need not save; what trains stays in float.
    file(READ "${PROJECT_BINARY_DIR}/lamina_models/${model}/${model}.hpp" description)
    string(REGEX MATCH "\\.embed = ([0-9]+)" width "${description}")
    set(width ${CMAKE_MATCH_1})
    set(precision "${LAMINA_PRECISION}")
    if(precision STREQUAL "default")
        set(precision frozen-bf16)
        if(adapter STREQUAL "none" OR width LESS 512)
            set(precision fp32)
        endif()
    endif()
    if(NOT precision MATCHES "^(frozen-bf16|fp32|all-bf16)$")
        message(FATAL_ERROR "LAMINA_PRECISION is \"${precision}\"; expected frozen-bf16, fp32, all-bf16 or default")
    endif()

    string(MAKE_C_IDENTIFIER "${adapter}_${targets}_${precision}" name)
    string(REGEX REPLACE "^_" "rank_" name "${name}")
    file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/lamina_models/${model}/${name}/this_adaptation.hpp" @ONLY
         CONTENT "#pragma once
#include <lamina/arch/adapter.hpp>

/// Written by the build from LAMINA_ADAPTERS, LAMINA_TARGETS and LAMINA_PRECISION. Objects of one program have
/// different ones, so that its name must be its own.
struct adaptation_${name} {
    static constexpr const char* adapter = \"${adapter}\";
    static constexpr const char* targets = \"${targets}\";
    static constexpr const char* precision = \"${precision}\";
    using Adapter = ${policy};
    using Targets = ${target_policy};
};
using ThisAdaptation = adaptation_${name};
")
    set(${variable} ${name} PARENT_SCOPE)
endfunction()

# lamina_part(target source): an object library of `source`, which includes what has been described in the folders of ARGN.
function(lamina_part target source)
    add_library(${target} OBJECT "${source}")
    target_include_directories(${target} PRIVATE ${ARGN})
    target_link_libraries(${target} PUBLIC lamina_dev lamina_native lamina_cpu_kernels)
    if(source MATCHES "\\.cu$")
        target_link_libraries(${target} PUBLIC lamina_cuda)
    endif()
endfunction()

# lamina_each_model(variable stem [ADAPTED] [MODELS entry...]): STEM.cpp for each model, and, ADAPTED, for each adapter, or
# for the first where the model is of MODELS alone; with CUDA STEM.cu as well. The object libraries, which enter themselves in the program that links them.
function(lamina_each_model variable stem)
    cmake_parse_arguments(PARSE_ARGV 2 arg "ADAPTED" "" "MODELS")
    cmake_path(GET stem FILENAME last)
    cmake_path(GET stem PARENT_PATH folder)
    cmake_path(GET folder FILENAME folder)
    set(suffixes .cpp)
    if(LAMINA_WITH_CUDA AND LAMINA_CUDA_PROGRAMS AND EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${stem}.cu")
        list(APPEND suffixes .cu)
    endif()
    set(entries ${LAMINA_MODELS} ${arg_MODELS})
    list(REMOVE_DUPLICATES entries)
    set(parts "")
    foreach(entry IN LISTS entries)
        lamina_open_model(model "${entry}")
        set(model_folder "${PROJECT_BINARY_DIR}/lamina_models/${model}")
        set(adaptations none)
        if(arg_ADAPTED)
            set(adaptations ${LAMINA_ADAPTERS})
            if(NOT entry IN_LIST LAMINA_MODELS)
                list(GET LAMINA_ADAPTERS 0 adaptations)
            endif()
        endif()
        foreach(adapter IN LISTS adaptations)
            set(name "${folder}_${last}_${model}")
            set(folders "${model_folder}")
            if(arg_ADAPTED)
                lamina_open_adaptation(adaptation ${model} "${adapter}")
                string(APPEND name "_${adaptation}")
                list(APPEND folders "${model_folder}/${adaptation}")
            endif()
            foreach(suffix IN LISTS suffixes)
                set(source "${CMAKE_CURRENT_SOURCE_DIR}/${stem}${suffix}")
                if(EXISTS "${source}")
                    string(REPLACE "." "_" part "${name}${suffix}")
                    lamina_part(${part} "${source}" ${folders})
                    list(APPEND parts ${part})
                endif()
            endforeach()
        endforeach()
    endforeach()
    set(${variable} "${parts}" PARENT_SCOPE)
endfunction()
