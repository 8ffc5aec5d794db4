/** The page at `/`: a playground that makes classifier guidance visible. */
import { h, render } from 'preact';
import { App } from './app.tsx';
import { Session } from './session.ts';
import './style/index.css';

const session = new Session();
addEventListener('hashchange', () => void session.addressChanged());
addEventListener('popstate', () => void session.addressChanged());
const root = document.getElementById('app');
if (root === null) throw new Error('index.html has no element "app"');
render(h(App, { session }), root);
void session.start();
