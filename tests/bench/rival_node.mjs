// rival_node.mjs - onnxruntime-node as a program: a JSON command a line in, a line of JSON out.
//   node rival_node.mjs FOLDER_OF_MODELS THREADS
import path from 'node:path';
import readline from 'node:readline';
import * as ort from 'onnxruntime-node';

import {Rival} from './rival.mjs';

const [folder, threads] = process.argv.slice(2);
const rival = new Rival(
    ort, (model, graph) => ort.InferenceSession.create(path.join(folder, model, `${graph}.onnx`), {
      executionProviders: ['cpu'],
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      intraOpNumThreads: Number(threads),
      interOpNumThreads: 1,
      executionMode: 'sequential',
    }));
for await (const line of readline.createInterface({input: process.stdin})) {
  const answer = await rival.answer(JSON.parse(line)).catch((error) => ({
                                                              error: String(error.message ?? error)
                                                            }));
  process.stdout.write(JSON.stringify(answer) + '\n');
}
