// expect: lamina: AdamW: the model is of another type than the optimiser's; give each model an optimiser of its own, train::AdamW optimiser(model)
#include <lamina/backend/cpu/device.hpp>
#include <lamina/nn/gpt2.hpp>
#include <lamina/train/adamw.hpp>

using namespace lamina;

constexpr Architecture tiny{.layers = 1, .heads = 2, .embed = 8, .context = 6, .vocab = 11};
using Model = Gpt2<tiny>;

#ifdef LAMINA_EXPECT_FAILURE
using Other = Gpt2<tiny, adapter::Lora<4>>;
#else
using Other = Model;
#endif

void train_both(const TokenBatch& batch) {
    CpuBackend backend;
    Model model(backend);
    Other other(backend);
    train::AdamW<Model> optimiser(model);
    model.forward_backward(batch);
    other.forward_backward(batch);
    optimiser.step(model, 1e-3);
    optimiser.step(other, 1e-3);
    optimiser.step(other, 1e-3, 0.5);
}
