/** The heavy module (onnxruntime and the models, 20 MB): import it dynamically, and only where it is used. */
import { findModel } from '../../models/registry.ts';
import { EmbeddedBackend } from './embedded-backend.ts';
import { embeddedModels } from './models.ts';

export const embeddedBackend = new EmbeddedBackend({ graphs: embeddedModels, findModel });
