/** The reference page: draws /openapi.json. */
import './style.css';
