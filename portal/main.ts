// The first script of the portal: shows the page of the address.

import '@fontsource-variable/inter/wght.css'
import { mount } from 'svelte'
import App from './App.svelte'
import './styles.css'

mount(App, { target: document.querySelector('#portal')! })
