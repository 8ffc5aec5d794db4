/**
 * onnxruntime since 1.30 writes an identifier of the machine into the user's cache and sends events to its makers unless
 * this is set before it is loaded. Who wants that may set it to 0.
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1';
