import { mount } from 'svelte';
import './styles/tokens.css';
import './styles/base.css';
import { makeApp } from './app/app.svelte';
import Root from './views/Root.svelte';

const target = document.getElementById('app');
if (target) {
  const app = await makeApp();
  mount(Root, { target, props: { app } });
  await app.start();
}
