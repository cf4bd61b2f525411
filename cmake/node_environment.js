// node_environment.js - a program for Node sees the environment that Node was started with;
// Emscripten's own holds made-up values.
Module.preRun = [].concat(Module.preRun ?? [], () => Object.assign(ENV, process.env));
