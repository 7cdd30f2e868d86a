export { default } from './customers.js';
