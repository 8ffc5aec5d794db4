/** Written by `cairn models register` from the folder models/; not for editing. */
import mnist_32 from '../../models/mnist-32/model.json' with { type: 'json' };

/** What the Worker offers: the model.json of each folder. */
export const installed: readonly unknown[] = [mnist_32];
