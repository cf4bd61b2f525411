// rival_page.mjs - onnxruntime-web in a page: WebAssembly, float32.
import {Rival} from './rival.mjs';

const kWeights = {
  'gemm-768': 'gemm-768.bin',
  'gemm-3072': 'gemm-3072.bin',
  softmax: null
};

export async function open(options) {
  const ort = await import('/node_modules/onnxruntime-web/dist/ort.wasm.min.mjs');
  ort.env.wasm.wasmPaths = '/node_modules/onnxruntime-web/dist/';
  ort.env.wasm.numThreads = Number(options.get('threads'));
  ort.env.logLevel = 'error';
  const bytes = async (model, file) => {
    const response = await fetch(`/models/${model}/${file}`);
    if (!response.ok)
      throw new Error(`${model}/${file}: ${response.status}; make it by models.mjs`);
    return new Uint8Array(await response.arrayBuffer());
  };
  const rival = new Rival(ort, async (model, graph) => {
    const weights = graph in kWeights ? kWeights[graph] : 'model.safetensors';
    return ort.InferenceSession.create(await bytes(model, `${graph}.onnx`), {
      executionProviders: ['wasm'],
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      ...(weights && {externalData: [{path: weights, data: await bytes(model, weights)}]}),
    });
  });
  return (command) => rival.answer(command);
}
