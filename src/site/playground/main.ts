/** The page at `/`. */
import './style.css';
