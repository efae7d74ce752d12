// expect: lamina: ParameterStore: parameters are stored as float, double or bf16; give the precision policy one of these
#include <lamina/arch/precision.hpp>
#include <lamina/backend/cpu/device.hpp>
#include <lamina/core/float16.hpp>
#include <lamina/nn/gpt2.hpp>

using namespace lamina;

#ifdef LAMINA_EXPECT_FAILURE
using Base = fp16;
#else
using Base = bf16;
#endif

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};
using Model = Gpt2<tiny, precision::Stored<Base, float, float, float, float>, trainable::Nothing>;

double use_model(const TokenBatch& batch) {
    CpuBackend backend;
    Model model(backend);
    model.initialise(1);
    return model.evaluate(batch).mean();
}
