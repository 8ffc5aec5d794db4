/** `npm run build:site`; wrangler runs it before it bundles or deploys. */
import { buildSite } from './build-site.ts';

await buildSite();
