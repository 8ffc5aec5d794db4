/** The reference page: Swagger UI over /openapi.json, every byte of it from here. */
import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js';
import 'swagger-ui-dist/swagger-ui.css';
import './style.css';

const dark = matchMedia('(prefers-color-scheme: dark)');
const followScheme = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', followScheme);
followScheme();

SwaggerUI({
  url: '/openapi.json',
  dom_id: '#reference',
  displayRequestDuration: true,
  filter: true,
  syntaxHighlight: { theme: 'monokai' },
  defaultModelsExpandDepth: 0,
  // A key that was typed in is gone with the page.
  persistAuthorization: false,
  // The public validator would be asked otherwise.
  validatorUrl: null,
});

/** Names for the controls that come without one. Swagger UI draws them again and again, so it is looked after them. */
function nameControls(): void {
  document.querySelector('#servers')?.setAttribute('aria-label', 'Server');
  for (const select of document.querySelectorAll('.examples-select-element')) {
    select.setAttribute('aria-label', 'Example');
  }
  // What scrolls must be in reach of the keyboard.
  for (const code of document.querySelectorAll('.microlight')) code.setAttribute('tabindex', '0');
}
new MutationObserver(nameControls).observe(document.body, { childList: true, subtree: true });
